"""The webhook receiver: verifies a shop's deliveries and commits each as a change row before it answers."""
