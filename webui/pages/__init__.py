"""The page's views, one module each with its blueprint.

Every change answers with a redirect (303), so that everything works by plain forms, a reload
repeats nothing, and the script needs no second interface: it sends the same forms and reads the
same pages.
"""

from __future__ import annotations

from webui.pages import access, activity, destinations, devices, live, settings

BLUEPRINTS = (devices.bp, destinations.bp, live.bp, activity.bp, settings.bp, access.bp)
