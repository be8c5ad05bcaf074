//! Slots over tokens of others, through every door of the appliance.

mod bench;
mod cluster;
mod doors;
mod made;
mod outage;
mod seal;
mod suite;
mod table;
