from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Django admin with our site in its place."""

    default_site = "convoship.staff.site.StaffSite"
