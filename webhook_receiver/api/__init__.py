"""The customers API: FastAPI, served beside the light receiver by `python -m webhook_receiver --api`."""
