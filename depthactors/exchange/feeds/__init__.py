"""Where prices come from: an order flow, a recording, or repeated events; and the true book that each makes."""
