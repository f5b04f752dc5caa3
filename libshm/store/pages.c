#include "pages.h"

#include <sys/mman.h>

/* Of a free run; zero elsewhere. */
struct page {
    uint32_t length; /* at its first and last page */
    /* at its first page: neighbours in the list of its length; or what stands left and right of it in
     * the treap, whose top bit is set at `right` if a run of the subtree holds an aligned chunk */
    uint32_t left, right;
};

#define HAS_CHUNK UINT32_C(0x80000000)

enum stele_status pages_init(struct pages *pages, uint64_t segment_bytes)
{
    memset(pages, 0, sizeof *pages);
    pages->count = (uint32_t)(segment_bytes >> 12);
    size_t bytes = (size_t)pages->count * sizeof(struct page);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return STELE_ENOMEM;
    pages->page = memory;
    return STELE_OK;
}

void pages_fini(struct pages *pages)
{
    if (pages->page)
        munmap(pages->page, (size_t)pages->count * sizeof(struct page));
    pages->page = NULL;
}

/* The first multiple of `align` at which the run has as many pages, or 0. */
static uint32_t aligned_in(const struct pages *pages, uint32_t run, uint32_t align)
{
    uint32_t first = (run + align - 1) & ~(align - 1);
    return first - run + align <= pages->page[run].length ? first : 0;
}

/* ---- short runs ----------------------------------------------------------------------------- */

static void link_short(struct pages *pages, uint32_t run)
{
    uint32_t length = pages->page[run].length;
    bool unit = aligned_in(pages, run, PAGES_UNIT) != 0;
    uint32_t *first = &pages->short_run[unit][length];
    pages->page[run].left = 0;
    pages->page[run].right = *first;
    if (*first)
        pages->page[*first].left = run;
    *first = run;
    pages->short_map[unit] |= UINT64_C(1) << length;
}

static void unlink_short(struct pages *pages, uint32_t run)
{
    const struct page *page = &pages->page[run];
    bool unit = aligned_in(pages, run, PAGES_UNIT) != 0;
    if (page->right)
        pages->page[page->right].left = page->left;
    if (page->left)
        pages->page[page->left].right = page->right;
    else if ((pages->short_run[unit][page->length] = page->right) == 0)
        pages->short_map[unit] &= ~(UINT64_C(1) << page->length);
}

/* The shortest of at least n pages, of those with or without an aligned unit; 0: there is none. */
static uint32_t find_short(const struct pages *pages, uint32_t n, bool unit)
{
    uint64_t bits = n < PAGES_SHORT ? pages->short_map[unit] >> n : 0;
    return bits ? pages->short_run[unit][n + (unsigned)__builtin_ctzll(bits)] : 0;
}

/* ---- long runs: the treap --------------------------------------------------------------------- */

static uint32_t right_of(const struct pages *pages, uint32_t run)
{
    return pages->page[run].right & ~HAS_CHUNK;
}

static bool has_chunk(const struct pages *pages, uint32_t run)
{
    return run != 0 && (pages->page[run].right & HAS_CHUNK);
}

/* The same of a run with these two below it. */
static bool would_have_chunk(const struct pages *pages, uint32_t run, uint32_t left, uint32_t right)
{
    return has_chunk(pages, left) || has_chunk(pages, right) ||
           aligned_in(pages, run, PAGES_CHUNK) != 0;
}

/* Sets what stands below a run. */
static void adopt_children(struct pages *pages, uint32_t run, uint32_t left, uint32_t right)
{
    bool chunk = would_have_chunk(pages, run, left, right);
    pages->page[run].left = left;
    pages->page[run].right = right | (chunk ? HAS_CHUNK : 0);
}

/* Nobody who chooses keys can foresee where runs will be. */
static uint32_t priority(uint32_t run)
{
    uint32_t mixed = run * UINT32_C(0x9e3779b1);
    return (mixed ^ mixed >> 15) * UINT32_C(0x85ebca77);
}

/* Whether run a stands left of run b. */
static bool before(const struct pages *pages, uint32_t a, uint32_t b)
{
    uint32_t length_a = pages->page[a].length, length_b = pages->page[b].length;
    return length_a != length_b ? length_a < length_b : a < b;
}

/* Parts a subtree into what stands left and right of `run`, which is not in it. */
static void part(struct pages *pages, uint32_t tree, uint32_t run, uint32_t *left, uint32_t *right)
{
    if (tree == 0) {
        *left = *right = 0;
    } else if (before(pages, tree, run)) {
        uint32_t inner;
        part(pages, right_of(pages, tree), run, &inner, right);
        adopt_children(pages, tree, pages->page[tree].left, inner);
        *left = tree;
    } else {
        uint32_t inner;
        part(pages, pages->page[tree].left, run, left, &inner);
        adopt_children(pages, tree, inner, right_of(pages, tree));
        *right = tree;
    }
}

/* All of `left` stands left of all of `right`. */
static uint32_t join(struct pages *pages, uint32_t left, uint32_t right)
{
    if (left == 0 || right == 0)
        return left ? left : right;
    if (priority(left) > priority(right)) {
        uint32_t inner = join(pages, right_of(pages, left), right);
        adopt_children(pages, left, pages->page[left].left, inner);
        return left;
    }
    uint32_t inner = join(pages, left, pages->page[right].left);
    adopt_children(pages, right, inner, right_of(pages, right));
    return right;
}

/* Returns the subtree's new top. */
static uint32_t insert(struct pages *pages, uint32_t tree, uint32_t run)
{
    if (tree == 0 || priority(run) > priority(tree)) {
        uint32_t left, right;
        part(pages, tree, run, &left, &right);
        adopt_children(pages, run, left, right);
        return run;
    }
    uint32_t left = pages->page[tree].left, right = right_of(pages, tree);
    if (before(pages, run, tree))
        left = insert(pages, left, run);
    else
        right = insert(pages, right, run);
    adopt_children(pages, tree, left, right);
    return tree;
}

static uint32_t erase(struct pages *pages, uint32_t tree, uint32_t run)
{
    STELE_ASSERT(tree != 0);
    uint32_t left = pages->page[tree].left, right = right_of(pages, tree);
    if (tree == run)
        return join(pages, left, right);
    if (before(pages, run, tree))
        left = erase(pages, left, run);
    else
        right = erase(pages, right, run);
    adopt_children(pages, tree, left, right);
    return tree;
}

/* The shortest run of at least n pages; 0: there is none. */
static uint32_t find_long(const struct pages *pages, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t tree = pages->root; tree;) {
        bool enough = pages->page[tree].length >= n;
        best = enough ? tree : best;
        tree = enough ? pages->page[tree].left : right_of(pages, tree);
    }
    return best;
}

/* The shortest run with an aligned chunk; 0: there is none. */
static uint32_t find_chunk(const struct pages *pages)
{
    uint32_t tree = pages->root;
    if (!has_chunk(pages, tree))
        return 0;
    for (;;) {
        if (has_chunk(pages, pages->page[tree].left))
            tree = pages->page[tree].left;
        else if (aligned_in(pages, tree, PAGES_CHUNK))
            return tree;
        else
            tree = right_of(pages, tree);
    }
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void link_run(struct pages *pages, uint32_t first, uint32_t length)
{
    pages->page[first].length = length;
    pages->page[first + length - 1].length = length;
    if (length < PAGES_SHORT)
        link_short(pages, first);
    else
        pages->root = insert(pages, pages->root, first);
}

static void unlink_run(struct pages *pages, uint32_t first)
{
    uint32_t length = pages->page[first].length;
    if (length < PAGES_SHORT)
        unlink_short(pages, first);
    else
        pages->root = erase(pages, pages->root, first);
    pages->page[first].length = 0;
    pages->page[first + length - 1].length = 0;
}

void pages_free(struct pages *pages, uint32_t first, uint32_t n)
{
    pages->free_pages += n;
    STELE_ASSERT(first > 0 && first + n <= pages->count && pages->page[first].length == 0);
    if (pages->page[first - 1].length) { /* the last page of a run before */
        uint32_t length = pages->page[first - 1].length;
        first -= length;
        n += length;
        unlink_run(pages, first);
    }
    if (first + n < pages->count && pages->page[first + n].length) {
        uint32_t length = pages->page[first + n].length;
        unlink_run(pages, first + n);
        n += length;
    }
    link_run(pages, first, n);
}

static uint32_t find_run(const struct pages *pages, uint32_t n, uint32_t align)
{
    if (align == PAGES_CHUNK)
        return find_chunk(pages);
    uint32_t with = find_short(pages, n, true);
    uint32_t without = align == 1 ? find_short(pages, n, false) : 0;
    if (with && without)
        return pages->page[with].length < pages->page[without].length ? with : without;
    uint32_t run = with ? with : without;
    return run ? run : find_long(pages, n); /* each of which holds an aligned unit */
}

uint32_t pages_alloc(struct pages *pages, uint32_t n, uint32_t align)
{
    STELE_ASSERT(n > 0 && (align == 1 || (align == n && (n == PAGES_UNIT || n == PAGES_CHUNK))));
    uint32_t run = find_run(pages, n, align);
    if (run == 0)
        return 0;
    uint32_t length = pages->page[run].length;
    uint32_t first = align == 1 ? run : aligned_in(pages, run, align);
    unlink_run(pages, run);
    if (first > run)
        link_run(pages, run, first - run);
    if (first + n < run + length)
        link_run(pages, first + n, run + length - first - n);
    pages->free_pages -= n;
    return first;
}

/* ---- checks --------------------------------------------------------------------------------- */

static bool run_sound(const struct pages *pages, uint32_t run, uint64_t *free_pages)
{
    uint32_t length = pages->page[run].length;
    *free_pages += length;
    return length > 0 && run + length <= pages->count &&
           pages->page[run + length - 1].length == length;
}

static bool check_short(const struct pages *pages, bool unit, uint32_t length,
                        uint64_t *free_pages)
{
    uint32_t run = pages->short_run[unit][length], left = 0;
    if ((pages->short_map[unit] >> length & 1) != (run != 0))
        return false;
    for (; run; left = run, run = pages->page[run].right)
        if (!run_sound(pages, run, free_pages) || pages->page[run].length != length ||
            pages->page[run].left != left || (aligned_in(pages, run, PAGES_UNIT) != 0) != unit)
            return false;
    return true;
}

static bool check_tree(const struct pages *pages, uint32_t tree, uint64_t *free_pages)
{
    if (tree == 0)
        return true;
    uint32_t left = pages->page[tree].left, right = right_of(pages, tree);
    return run_sound(pages, tree, free_pages) && pages->page[tree].length >= PAGES_SHORT &&
           would_have_chunk(pages, tree, left, right) == has_chunk(pages, tree) &&
           (left == 0 || (before(pages, left, tree) && priority(left) <= priority(tree))) &&
           (right == 0 || (before(pages, tree, right) && priority(right) <= priority(tree))) &&
           check_tree(pages, left, free_pages) && check_tree(pages, right, free_pages);
}

bool pages_check(const struct pages *pages, uint64_t *free_pages)
{
    *free_pages = 0;
    for (uint32_t length = 1; length < PAGES_SHORT; length++)
        if (!check_short(pages, false, length, free_pages) ||
            !check_short(pages, true, length, free_pages))
            return false;
    return check_tree(pages, pages->root, free_pages) && *free_pages == pages->free_pages;
}
