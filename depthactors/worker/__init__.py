"""What runs in a worker process, and nowhere else; its parent's side is `depthactors.shards`."""
