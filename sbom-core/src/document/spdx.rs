//! Writes spdx documents.
