"""The Jira side: Cloud and Data Center dialects over the same issues."""
