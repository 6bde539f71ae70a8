"""The access point: hostapd on a radio that the porter brings, bridged to the home network."""
