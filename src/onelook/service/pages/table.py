"""Every page, and the way in to them, as the app takes them up."""

from onelook.service.pages import data, files, runs, service, session, training, trying

PAGES = tuple(each.router for each in (trying, training, runs, data, service, session, files))
