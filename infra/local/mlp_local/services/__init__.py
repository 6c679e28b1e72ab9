"""Services that ministack lacks: their API and their resource types."""
