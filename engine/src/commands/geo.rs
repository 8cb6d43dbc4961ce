//! Commands of places on the earth.
