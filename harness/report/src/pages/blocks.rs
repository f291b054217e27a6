//! Marked blocks of a page: between `<!-- KEY -->` and `<!-- /KEY -->`, each on a separate line.

use sparkproof_base::error::{Error, Result};

fn marks(key: &str) -> (String, String) {
    (format!("<!-- {key} -->\n"), format!("<!-- /{key} -->"))
}

/// The range of a block's content; `None` if the page has no such block.
fn place(page: &str, key: &str) -> Option<std::ops::Range<usize>> {
    let (open, close) = marks(key);
    let from = page.find(&open)? + open.len();
    let to = from + page[from..].find(&close)?;
    Some(from..to)
}

/// The content of a block.
pub(super) fn get<'a>(page: &'a str, key: &str) -> Option<&'a str> {
    place(page, key).map(|place| &page[place])
}

/// The keys of a page's blocks, in their order.
pub(super) fn keys(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("<!-- ")?.strip_suffix(" -->"))
        .filter(|key| !key.starts_with('/') && !key.contains(' ') && get(page, key).is_some())
        .collect()
}

/// The page with the content of a block replaced; the content must end with a line break.
pub(super) fn replace(page: &str, key: &str, content: &str) -> Result<String> {
    let place =
        place(page, key).ok_or_else(|| Error::input(format!("the page has no block {key}")))?;
    Ok(format!("{}{content}{}", &page[..place.start], &page[place.end..]))
}

/// The page with a new block after another one.
pub(super) fn insert_after(page: &str, before: &str, key: &str, content: &str) -> Result<String> {
    let place = place(page, before)
        .ok_or_else(|| Error::input(format!("the page has no block {before}")))?;
    let end = place.end + marks(before).1.len();
    let (open, close) = marks(key);
    Ok(format!("{}\n\n{open}{content}{close}{}", &page[..end], &page[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n<!-- proven:a:1 -->\nold\n<!-- /proven:a:1 -->\nby hand\n\
                        <!-- a remark of many words -->\n<!-- open:never:closed -->\n";

    #[test]
    fn a_block_is_replaced_and_nothing_else_changes() {
        assert_eq!(get(PAGE, "proven:a:1"), Some("old\n"));
        let page = replace(PAGE, "proven:a:1", "new\nlines\n").expect("there");
        assert_eq!(page, PAGE.replace("old\n", "new\nlines\n"));
        assert_eq!(keys(PAGE), ["proven:a:1"]);
        assert!(replace(PAGE, "proven:a:2", "x").is_err());
    }

    #[test]
    fn a_new_block_stands_behind_another() {
        let page = insert_after(PAGE, "proven:a:1", "proven:a:2", "more\n").expect("there");
        assert_eq!(keys(&page), ["proven:a:1", "proven:a:2"]);
        assert!(page.contains(
            "<!-- /proven:a:1 -->\n\n<!-- proven:a:2 -->\nmore\n<!-- /proven:a:2 -->\nby hand"
        ));
        assert!(get(&page, "proven:a:2").is_some_and(|content| content == "more\n"));
    }
}
