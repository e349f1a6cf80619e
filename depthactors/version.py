"""The version of this code. A process has the version that it has loaded, whatever is installed later."""

VERSION = "0.1.0"
