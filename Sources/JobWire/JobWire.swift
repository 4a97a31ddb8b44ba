// JobWire
