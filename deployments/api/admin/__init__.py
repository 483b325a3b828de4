"""What customers' programs do with assistants, deployments and conversations (CONTRACT section 7)."""
