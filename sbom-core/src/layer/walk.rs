//! stub
/// stub
#[derive(Debug)]
pub enum LayerError {}
