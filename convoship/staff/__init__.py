"""Django admin for staff: one workspace at a time, entered on the record."""
