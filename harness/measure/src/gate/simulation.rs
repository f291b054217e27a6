//! Simulated commands.
