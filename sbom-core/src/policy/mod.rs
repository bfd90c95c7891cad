//! The gate: what must hold of an image before it is deployed, and whether it does.
