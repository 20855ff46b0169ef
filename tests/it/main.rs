//! The one integration binary: the real service, real databases, a stand-in ERPNext.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod cli_schedules;
#[cfg(test)]
mod config;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod erpnext;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod mapping;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod service;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod store;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trials;
