//! Writes cyclonedx documents.
