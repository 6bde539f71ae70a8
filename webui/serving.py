"""How gunicorn serves the page on a small computer with a read-only file system.

One worker, in which a connection costs no thread: pages stay open for hours, and gadgets hold
connections for no reason (worker.py). Nobody stands between a browser and the page, so no
forwarding header is believed.
"""

wsgi_app = "webui.app:create_app()"
bind = "0.0.0.0:80"
workers = 1
worker_class = "webui.worker.Worker"
worker_connections = 300
backlog = 128
worker_tmp_dir = "/dev/shm"  # the heartbeat file; the only place that must be writable
control_socket_disable = True
accesslog = None
loglevel = "warning"
forwarded_allow_ips = ""
# Seconds for the silence before a request and for the whole of its head.
keepalive = 15
timeout = 60
graceful_timeout = 5
limit_request_line = 4094  # a receipt of many devices names them all
limit_request_fields = 40
limit_request_field_size = 4096
