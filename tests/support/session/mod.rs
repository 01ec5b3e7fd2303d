//! Real runs, step by step.

pub mod picture;
pub mod recording;
