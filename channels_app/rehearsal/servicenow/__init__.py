"""A stand-in for a ServiceNow instance, written from github ServiceNow/ServiceNowDocs (release Australia) alone."""

from channels_app.rehearsal.servicenow.desk import ServicenowDesk

__all__ = ["ServicenowDesk"]
