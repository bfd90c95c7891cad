//! stub
use sbom_core::{limits::Limits, source::{Selection, Source}};
use crate::{args::RegistryArgs, environment::Environment, exit_code::Failure};
pub(crate) fn open(_: &str, _: &Selection, _: &RegistryArgs, _: &Environment, _: &Limits) -> Result<Vec<Box<dyn Source>>, Failure> { Err(Failure::environment(anyhow::anyhow!("x"))) }
