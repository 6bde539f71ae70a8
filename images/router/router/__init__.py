"""The router namespace: loads its rules and routes, then leaves the work to the kernel."""
