//! What a search covers, and which cells of the grid that touches.

use super::hash::{Cell, Place, STEPS};

/// Metres; the value that Redis uses.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// Divided by, not multiplied with its inverse: the last bit is to be Redis's.
const RADIANS_PER_DEGREE: f64 = std::f64::consts::PI / 180.0;
/// Half of the equator in the Mercator projection, metres.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// A circle or an upright rectangle around a place. Lengths are metres.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// A shape at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) centre: Place,
    pub(super) extent: Extent,
}

fn latitude_distance(one: f64, other: f64) -> f64 {
    EARTH_RADIUS * (other.to_radians() - one.to_radians()).abs()
}

/// Metres between two places on a sphere (the haversine formula).
pub(super) fn distance(one: Place, other: Place) -> f64 {
    let v = ((other.longitude.to_radians() - one.longitude.to_radians()) / 2.0).sin();
    if v == 0.0 {
        return latitude_distance(one.latitude, other.latitude);
    }
    let (from, to) = (one.latitude.to_radians(), other.latitude.to_radians());
    let u = ((to - from) / 2.0).sin();
    let a = u * u + from.cos() * to.cos() * v * v;
    distance_of_haversine(a)
}

/// Who lies in a shape. What depends on the centre alone is computed once, and most of those that lie outside are refused before
/// the costly part of the formula; what is computed is what Redis computes, to the bit.
pub(super) struct Reach {
    extent: Extent,
    longitude: f64,
    latitude: f64,
    cos_latitude: f64,
    /// A greater difference of latitudes is outside, radians.
    most_apart: f64,
    /// A greater haversine is outside: of the distance, or of the distance to the east or west if it is a box.
    most_haversine: f64,
}

/// The sine of half an angle, squared, is the haversine. That of a distance, or a bit more: rounding must refuse nobody.
fn haversine_limit(metres: f64) -> f64 {
    let half_angle = metres / (2.0 * EARTH_RADIUS);
    if half_angle >= std::f64::consts::FRAC_PI_2 { f64::INFINITY } else { half_angle.sin().powi(2) * (1.0 + 1e-9) + f64::MIN_POSITIVE }
}

fn distance_of_haversine(haversine: f64) -> f64 {
    2.0 * EARTH_RADIUS * haversine.sqrt().asin()
}

impl Reach {
    /// The distance from the centre, if the place lies in the shape.
    #[inline]
    pub(super) fn of(&self, place: Place) -> Option<f64> {
        let (longitude, latitude) = (place.longitude.to_radians(), place.latitude.to_radians());
        let apart = (latitude - self.latitude).abs();
        if apart > self.most_apart {
            return None;
        }
        let v = ((longitude - self.longitude) / 2.0).sin();
        let cos_latitude = latitude.cos();
        if let Extent::Box { width, height } = self.extent {
            if EARTH_RADIUS * apart > height / 2.0 {
                return None;
            }
            let aside = cos_latitude * cos_latitude * v * v;
            if aside > self.most_haversine || v != 0.0 && distance_of_haversine(aside) > width / 2.0 {
                return None;
            }
        }
        let found = if v == 0.0 {
            EARTH_RADIUS * apart
        } else {
            let u = ((latitude - self.latitude) / 2.0).sin();
            let a = u * u + self.cos_latitude * cos_latitude * v * v;
            if matches!(self.extent, Extent::Circle { .. }) && a > self.most_haversine {
                return None;
            }
            distance_of_haversine(a)
        };
        match self.extent {
            Extent::Circle { radius } if found > radius => None,
            _ => Some(found),
        }
    }
}

impl Shape {
    pub(super) fn reach(&self) -> Reach {
        let (half_height, half_width) = match self.extent {
            Extent::Circle { radius } => (radius, radius),
            Extent::Box { width, height } => (height / 2.0, width / 2.0),
        };
        let latitude = self.centre.latitude.to_radians();
        Reach {
            extent: self.extent,
            longitude: self.centre.longitude.to_radians(),
            latitude,
            cos_latitude: latitude.cos(),
            // Near the other side of the earth rounding adds metres to distances.
            most_apart: half_height / EARTH_RADIUS * (1.0 + 1e-6) + 1e-12,
            most_haversine: haversine_limit(half_width),
        }
    }

    /// West, south, east, north of a box around the shape.
    fn bounds(&self) -> [f64; 4] {
        let Place { longitude, latitude } = self.centre;
        let (half_width, half_height) = match self.extent {
            Extent::Circle { radius } => (radius, radius),
            Extent::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let up = half_height / EARTH_RADIUS / RADIANS_PER_DEGREE;
        // The side towards the pole is the one on which the same width is more degrees.
        let pole_side = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = half_width / EARTH_RADIUS / pole_side.to_radians().cos() / RADIANS_PER_DEGREE;
        [longitude - aside, latitude - up, longitude + aside, latitude + up]
    }

    /// Steps at which a cell and its neighbours cover a radius around the centre, as Redis estimates them.
    fn estimated_steps(&self) -> u32 {
        let mut radius = match self.extent {
            Extent::Circle { radius } => radius,
            Extent::Box { width, height } => ((width / 2.0).powi(2) + (height / 2.0).powi(2)).sqrt(),
        };
        if radius == 0.0 {
            return STEPS;
        }
        let mut steps: i32 = 1;
        while radius < MERCATOR_MAX {
            radius *= 2.0;
            steps += 1;
        }
        steps -= 2;
        let latitude = self.centre.latitude.abs();
        // Cells are narrower near the poles.
        steps -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        steps.clamp(1, STEPS as i32) as u32
    }

    /// The cells to look through, in the order in which Redis does: the centre's, then those north, south, east, west and at the
    /// corners of it, as far as the shape reaches into them.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let [west, south, east, north] = self.bounds();
        let mut cell = Cell::of(self.centre, self.estimated_steps());
        let mut steps = self.estimated_steps();
        let too_small = cell.neighbour(0, 1).area().north < north
            || cell.neighbour(0, -1).area().south > south
            || cell.neighbour(1, 0).area().east < east
            || cell.neighbour(-1, 0).area().west > west;
        if steps > 1 && too_small {
            steps -= 1;
            cell = Cell::of(self.centre, steps);
        }
        let area = cell.area();
        let useless = |to_east: i32, to_north: i32| {
            steps >= 2
                && (to_north < 0 && area.south < south
                    || to_north > 0 && area.north > north
                    || to_east < 0 && area.west < west
                    || to_east > 0 && area.east > east)
        };
        let mut cells: Vec<Cell> = Vec::with_capacity(9);
        for (to_east, to_north) in [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)] {
            let next = cell.neighbour(to_east, to_north);
            // Around half of the earth, neighbours are the same.
            if !useless(to_east, to_north) && cells.last() != Some(&next) {
                cells.push(next);
            }
        }
        cells
    }
}
