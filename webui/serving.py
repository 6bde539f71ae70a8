"""How gunicorn serves the page on a small computer with a read-only file system.

One worker with a few threads: each answer is a few milliseconds of work, and memory is what a
Pi is short of. Nobody stands between a browser and the page, so no forwarding header is
believed.
"""

wsgi_app = "webui.app:create_app()"
bind = "0.0.0.0:80"
workers = 1
worker_class = "gthread"
threads = 4
worker_tmp_dir = "/dev/shm"  # the heartbeat file; the only place that must be writable
control_socket_disable = True
accesslog = None
loglevel = "warning"
forwarded_allow_ips = ""
# A page holds a few files, a form one name; a browser that waits longer has gone.
keepalive = 15
timeout = 60
graceful_timeout = 5
limit_request_line = 4094  # a receipt of many devices names them all
limit_request_fields = 50
limit_request_field_size = 4096
