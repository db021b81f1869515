"""Digits on paper: photographs and scans become ink without paper."""
