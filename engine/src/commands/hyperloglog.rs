//! Commands of HyperLogLogs.
