"""The gateways a storm rages over, one row a set-up. A new gateway is a new row."""

from tests.storm.gateways import mainpay, payapp, payple, paystory, welcome
from tests.storm.gateways.setup import Setup

SETUPS: tuple[Setup, ...] = (*mainpay.SETUPS, paystory.SETUP, payple.SETUP, welcome.SETUP, payapp.SETUP)
