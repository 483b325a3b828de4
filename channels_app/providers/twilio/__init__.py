"""What all kinds over Twilio share: its signature, its SDK on our transport, its codes, its words about consent."""
