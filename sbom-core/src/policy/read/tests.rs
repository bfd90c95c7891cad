//! What is read of policies, and what is refused.
