//! The report of hand-made runs, and the stories of recorded ones.

mod built;
mod play;
mod recorded;
mod rendered;
mod sample;
mod stories;
