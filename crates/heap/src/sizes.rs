//! The sizes that heaps grow in: OTP's series, visible through `process_info(heap_size)`.

use std::sync::OnceLock;

/// First size of a process heap.
pub const DEFAULT_MIN_HEAP_WORDS: usize = 233;
/// First size of a process's virtual binary heap.
pub const DEFAULT_MIN_VHEAP_WORDS: usize = 46422;

/// Last size of the series: more than any machine addresses.
const LARGEST_WORDS: usize = 885_767_171_276_247;

fn series() -> &'static [usize] {
    static SERIES: OnceLock<Vec<usize>> = OnceLock::new();
    SERIES.get_or_init(|| {
        let mut sizes = vec![12, 38];
        while sizes.len() < 23 {
            let n = sizes.len();
            sizes.push(sizes[n - 1] + sizes[n - 2] + 1);
        }
        while let Some(&last) = sizes.last()
            && last < LARGEST_WORDS
        {
            sizes.push(last + last / 5);
        }
        sizes
    })
}

/// All sizes of the series.
pub fn all() -> &'static [usize] {
    series()
}

/// The smallest size of the series that holds `words`, or `steps` sizes further.
pub fn next_heap_words(words: usize, steps: usize) -> usize {
    let series = series();
    let at = series.partition_point(|&size| size < words);
    series[(at + steps).min(series.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_stocks() {
        let seen: Vec<_> =
            [1, 234, 377, 611, 988, 1599, 2587].iter().map(|&w| next_heap_words(w, 0)).collect();
        assert_eq!(seen, [12, 376, 610, 987, 1598, 2586, 4185]);
        assert_eq!(next_heap_words(233, 1), 376);
        assert_eq!(all().last(), Some(&885_767_171_276_247));
    }
}
