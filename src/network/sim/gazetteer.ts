/** Places that a region can be deployed in: name, latitude, longitude, UTC offset in hours (standard time). */
const CITIES: ReadonlyArray<readonly [name: string, lat: number, lon: number, utcOffset: number]> = [
  ['Shanghai', 31.2304, 121.4737, 8],
  ['Beijing', 39.9042, 116.4074, 8],
  ['Shenzhen', 22.5431, 114.0579, 8],
  ['Guangzhou', 23.1291, 113.2644, 8],
  ['Hong Kong', 22.3193, 114.1694, 8],
  ['Hangzhou', 30.2741, 120.1551, 8],
  ['Chengdu', 30.5728, 104.0668, 8],
  ['Chongqing', 29.563, 106.5516, 8],
  ['Wuhan', 30.5928, 114.3055, 8],
  ["Xi'an", 34.3416, 108.9398, 8],
  ['Nanjing', 32.0603, 118.7969, 8],
  ['Tianjin', 39.3434, 117.3616, 8],
  ['Suzhou', 31.2989, 120.5853, 8],
  ['Qingdao', 36.0671, 120.3826, 8],
  ['Dalian', 38.914, 121.6147, 8],
  ['Xiamen', 24.4798, 118.0894, 8],
  ['Kunming', 25.0389, 102.7183, 8],
  ['Sanya', 18.2528, 109.512, 8],
  ['Macau', 22.1987, 113.5439, 8],
  ['Taipei', 25.033, 121.5654, 8],
  ['Tokyo', 35.6762, 139.6503, 9],
  ['Osaka', 34.6937, 135.5023, 9],
  ['Seoul', 37.5665, 126.978, 9],
  ['Busan', 35.1796, 129.0756, 9],
  ['Singapore', 1.3521, 103.8198, 8],
  ['Kuala Lumpur', 3.139, 101.6869, 8],
  ['Bangkok', 13.7563, 100.5018, 7],
  ['Hanoi', 21.0278, 105.8342, 7],
  ['Jakarta', -6.2088, 106.8456, 7],
  ['Manila', 14.5995, 120.9842, 8],
  ['Mumbai', 19.076, 72.8777, 5.5],
  ['Delhi', 28.6139, 77.209, 5.5],
  ['Bangalore', 12.9716, 77.5946, 5.5],
  ['Dubai', 25.2048, 55.2708, 4],
  ['Abu Dhabi', 24.4539, 54.3773, 4],
  ['Riyadh', 24.7136, 46.6753, 3],
  ['Doha', 25.2854, 51.531, 3],
  ['Istanbul', 41.0082, 28.9784, 3],
  ['Tel Aviv', 32.0853, 34.7818, 2],
  ['Cairo', 30.0444, 31.2357, 2],
  ['Johannesburg', -26.2041, 28.0473, 2],
  ['Cape Town', -33.9249, 18.4241, 2],
  ['Nairobi', -1.2921, 36.8219, 3],
  ['Lagos', 6.5244, 3.3792, 1],
  ['Munich', 48.1351, 11.582, 1],
  ['Berlin', 52.52, 13.405, 1],
  ['Hamburg', 53.5511, 9.9937, 1],
  ['Frankfurt', 50.1109, 8.6821, 1],
  ['Cologne', 50.9375, 6.9603, 1],
  ['Vienna', 48.2082, 16.3738, 1],
  ['Zurich', 47.3769, 8.5417, 1],
  ['Geneva', 46.2044, 6.1432, 1],
  ['Paris', 48.8566, 2.3522, 1],
  ['Lyon', 45.764, 4.8357, 1],
  ['Brussels', 50.8503, 4.3517, 1],
  ['Amsterdam', 52.3676, 4.9041, 1],
  ['London', 51.5072, -0.1276, 0],
  ['Manchester', 53.4808, -2.2426, 0],
  ['Edinburgh', 55.9533, -3.1883, 0],
  ['Dublin', 53.3498, -6.2603, 0],
  ['Cork', 51.8985, -8.4756, 0],
  ['Madrid', 40.4168, -3.7038, 1],
  ['Barcelona', 41.3874, 2.1686, 1],
  ['Lisbon', 38.7223, -9.1393, 0],
  ['Rome', 41.9028, 12.4964, 1],
  ['Milan', 45.4642, 9.19, 1],
  ['Athens', 37.9838, 23.7275, 2],
  ['Warsaw', 52.2297, 21.0122, 1],
  ['Prague', 50.0755, 14.4378, 1],
  ['Budapest', 47.4979, 19.0402, 1],
  ['Copenhagen', 55.6761, 12.5683, 1],
  ['Stockholm', 59.3293, 18.0686, 1],
  ['Oslo', 59.9139, 10.7522, 1],
  ['Helsinki', 60.1699, 24.9384, 2],
  ['Moscow', 55.7558, 37.6173, 3],
  ['New York', 40.7128, -74.006, -5],
  ['Boston', 42.3601, -71.0589, -5],
  ['Washington', 38.9072, -77.0369, -5],
  ['Toronto', 43.6532, -79.3832, -5],
  ['Chicago', 41.8781, -87.6298, -6],
  ['Dallas', 32.7767, -96.797, -6],
  ['Denver', 39.7392, -104.9903, -7],
  ['Seattle', 47.6062, -122.3321, -8],
  ['San Francisco', 37.7749, -122.4194, -8],
  ['Los Angeles', 34.0522, -118.2437, -8],
  ['Vancouver', 49.2827, -123.1207, -8],
  ['Mexico City', 19.4326, -99.1332, -6],
  ['Sao Paulo', -23.5505, -46.6333, -3],
  ['Buenos Aires', -34.6037, -58.3816, -3],
  ['Santiago', -33.4489, -70.6693, -4],
  ['Sydney', -33.8688, 151.2093, 10],
  ['Melbourne', -37.8136, 144.9631, 10],
  ['Auckland', -36.8509, 174.7645, 12],
];

export interface Place {
  /** 1-based: part of cell ids, TACs and subscriber numbers. */
  index: number;
  id: string;
  name: string;
  lat: number;
  lon: number;
  utcOffset: number;
}

export const slug = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}|'|\u2019/gu, '')
    .toLowerCase()
    .trim()
    .replace(/[^a-z0-9]+/g, '-');

const ALIASES: Readonly<Record<string, string>> = {
  hongkong: 'hong-kong',
  hk: 'hong-kong',
  macao: 'macau',
  muenchen: 'munich',
  munchen: 'munich',
  koln: 'cologne',
  wien: 'vienna',
  'new-york-city': 'new-york',
  nyc: 'new-york',
  'washington-dc': 'washington',
  bengaluru: 'bangalore',
  'new-delhi': 'delhi',
};

export const PLACES: readonly Place[] = CITIES.map(([name, lat, lon, utcOffset], i) => ({
  index: i + 1,
  id: slug(name),
  name,
  lat,
  lon,
  utcOffset,
}));

const BY_ID = new Map(PLACES.map((place) => [place.id, place]));

/** The place of that name or id; undefined if the gazetteer does not know it. */
export function findPlace(nameOrId: string): Place | undefined {
  const key = slug(nameOrId);
  return BY_ID.get(ALIASES[key] ?? key);
}
