//! Writes table documents.
