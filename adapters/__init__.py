"""What touches the world: inbound adapters are doors to the backend, outbound ones keep the ports' promises."""
