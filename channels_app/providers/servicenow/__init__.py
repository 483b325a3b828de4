"""ServiceNow: records of its tables, and live agents over the Virtual Agent."""
