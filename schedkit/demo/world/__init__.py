"""The synthetic world both dialects show: people, projects, issues and their histories, from one seed."""
