"""How often the attacks of the gate cry wolf, and how little they miss, on tables whose law is known."""
