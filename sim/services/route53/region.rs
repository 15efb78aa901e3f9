//! Where AWS regions lie, roughly, for latency and proximity.

/// Latitude and longitude in degrees.
pub(super) fn place(region: &str) -> Option<(f64, f64)> {
    const PLACES: [(&str, f64, f64); 31] = [
        ("us-east-1", 38.9, -77.4),
        ("us-east-2", 40.0, -83.0),
        ("us-west-1", 37.4, -122.0),
        ("us-west-2", 45.8, -119.7),
        ("ca-central-1", 45.5, -73.6),
        ("ca-west-1", 51.0, -114.1),
        ("mx-central-1", 20.6, -100.4),
        ("sa-east-1", -23.5, -46.6),
        ("eu-central-1", 50.1, 8.7),
        ("eu-central-2", 47.4, 8.5),
        ("eu-west-1", 53.3, -6.3),
        ("eu-west-2", 51.5, -0.1),
        ("eu-west-3", 48.9, 2.4),
        ("eu-north-1", 59.3, 18.1),
        ("eu-south-1", 45.5, 9.2),
        ("eu-south-2", 41.6, -0.9),
        ("il-central-1", 32.1, 34.8),
        ("me-south-1", 26.1, 50.6),
        ("me-central-1", 25.2, 55.3),
        ("af-south-1", -33.9, 18.4),
        ("ap-south-1", 19.1, 72.9),
        ("ap-south-2", 17.4, 78.5),
        ("ap-southeast-1", 1.4, 103.8),
        ("ap-southeast-2", -33.9, 151.2),
        ("ap-southeast-3", -6.2, 106.8),
        ("ap-southeast-4", -37.8, 145.0),
        ("ap-northeast-1", 35.7, 139.7),
        ("ap-northeast-2", 37.6, 127.0),
        ("ap-northeast-3", 34.7, 135.5),
        ("ap-east-1", 22.3, 114.2),
        ("ap-southeast-5", 3.1, 101.7),
    ];
    PLACES
        .iter()
        .find(|(name, ..)| *name == region)
        .map(|(_, latitude, longitude)| (*latitude, *longitude))
}

/// Kilometres between two places.
pub(super) fn distance((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> f64 {
    let (a, b) = (lat1.to_radians(), lat2.to_radians());
    let h = ((b - a) / 2.0).sin().powi(2)
        + a.cos() * b.cos() * ((lon2 - lon1).to_radians() / 2.0).sin().powi(2);
    2.0 * 6_371.0 * h.sqrt().asin()
}
