"""What the bridge shows to WordPress, browsers, gateways and operators."""
