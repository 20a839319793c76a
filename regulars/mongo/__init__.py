"""MongoDB, where MONGODB_URI is set: records, change rows, and people and orders to serve. The one home of PyMongo."""
