"""The Confluence side: pages in storage format, versions, attachments; Cloud v2 and Data Center v1."""
