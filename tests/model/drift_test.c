/* The model and the code say the same: their legal moves on both axes, and the stimuli they know.
 * The model's are the lines MOVE(from, to), CALLBACK_MOVE(from, to), STIMULUS(name, ...) and
 * LEFT_OUT(name) of tests/model/ *.pml; the code's are tracker/lifecycle.h's. */
#include "tests/support/cmocka.h"
#include "tracker/lifecycle.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MODEL     SOURCE_ROOT "/tests/model/"
#define NAMES_MAX 64
#define NAME_MAX  64
#define LINE_MAX  256

/* ---- Fixture ------------------------------------------------------------------------------------
 */

struct names {
    char name[NAMES_MAX][NAME_MAX];
    size_t count;
};

/* ---- Helpers ------------------------------------------------------------------------------------
 */

static FILE *open_source(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("cannot read %s", path);
    }
    return file;
}

/* Past blanks and a comment's stars. */
static const char *first_word(const char *line)
{
    return line + strspn(line, " *");
}

/* The name that begins at text, in lower case; returns what follows it. */
static const char *read_name(const char *text, char name[NAME_MAX])
{
    size_t size = 0;
    while ((isalnum((unsigned char)text[size]) || text[size] == '_') && size < NAME_MAX - 1) {
        name[size] = (char)tolower((unsigned char)text[size]);
        size++;
    }
    name[size] = '\0';
    return text + size;
}

static bool has(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->name[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void add(struct names *names, const char *name)
{
    assert_true(names->count < NAMES_MAX);
    assert_false(has(names, name)); /* said twice */
    (void)snprintf(names->name[names->count++], NAME_MAX, "%s", name);
}

/* Adds the name behind each "mark(" that begins a line of the file. */
static void read_marked(const char *path, const char *mark, struct names *names)
{
    char line[LINE_MAX];
    FILE *file = open_source(path);
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *word = first_word(line);
        char name[NAME_MAX];
        if (strncmp(word, mark, strlen(mark)) == 0) {
            (void)read_name(word + strlen(mark), name);
            add(names, name);
        }
    }
    (void)fclose(file);
}

/* Adds each move of the model, as "from>to". */
static void read_moves(const char *mark, struct names *moves)
{
    char line[LINE_MAX];
    FILE *file = open_source(MODEL "lifecycle.pml");
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *word = first_word(line);
        char from[NAME_MAX];
        char to[NAME_MAX];
        char move[2 * NAME_MAX];
        if (strncmp(word, mark, strlen(mark)) != 0) {
            continue;
        }
        const char *rest = read_name(word + strlen(mark), from);
        (void)read_name(rest + strspn(rest, ", "), to);
        (void)snprintf(move, sizeof(move), "%s>%s", from, to);
        add(moves, move);
    }
    (void)fclose(file);
}

/* The kinds of enum stimulus_kind, which have no names at run time. */
static void read_stimuli_of_code(struct names *stimuli)
{
    char line[LINE_MAX];
    bool inside = false;
    FILE *file = open_source(SOURCE_ROOT "/tracker/lifecycle.h");
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *word = first_word(line);
        char name[NAME_MAX];
        inside = strncmp(word, "enum stimulus_kind {", 20) == 0 || (inside && word[0] != '}');
        if (inside && strncmp(word, "STIMULUS_", 9) == 0) {
            (void)read_name(word + 9, name);
            add(stimuli, name);
        }
    }
    (void)fclose(file);
}

/* What one side has and the other has not. */
static void assert_all_in(const struct names *some, const struct names *others, const char *who)
{
    for (size_t i = 0; i < some->count; i++) {
        if (!has(others, some->name[i])) {
            fail_msg("%s does not know %s", who, some->name[i]);
        }
    }
}

static void assert_same(const struct names *model, const struct names *code)
{
    assert_true(code->count > 0);
    assert_all_in(model, code, "the code");
    assert_all_in(code, model, "the model");
}

static void add_move(struct names *moves, const char *from, const char *to)
{
    char move[2 * NAME_MAX];
    (void)snprintf(move, sizeof(move), "%s>%s", from, to);
    add(moves, move);
}

/* ---- Success ------------------------------------------------------------------------------------
 */

static void statement_moves_are_the_same(void **context)
{
    struct names model = {0};
    struct names code = {0};
    (void)context;
    read_moves("MOVE(", &model);
    for (int from = STATEMENT_QUEUED; from <= STATEMENT_UNKNOWN; from++) {
        for (int to = STATEMENT_QUEUED; to <= STATEMENT_UNKNOWN; to++) {
            if (from != to &&
                lifecycle_statement_legal((enum statement_state)from, (enum statement_state)to)) {
                add_move(&code, statement_state_name((enum statement_state)from),
                         statement_state_name((enum statement_state)to));
            }
        }
    }
    assert_same(&model, &code);
}

static void callback_moves_are_the_same(void **context)
{
    struct names model = {0};
    struct names code = {0};
    (void)context;
    read_moves("CALLBACK_MOVE(", &model);
    for (int from = CALLBACK_OPEN; from <= CALLBACK_UNDELIVERABLE; from++) {
        for (int to = CALLBACK_OPEN; to <= CALLBACK_UNDELIVERABLE; to++) {
            if (from != to &&
                lifecycle_callback_legal((enum callback_state)from, (enum callback_state)to)) {
                add_move(&code, callback_state_name((enum callback_state)from),
                         callback_state_name((enum callback_state)to));
            }
        }
    }
    assert_same(&model, &code);
}

static void stimuli_are_the_same(void **context)
{
    struct names model = {0};
    struct names code = {0};
    (void)context;
    read_marked(MODEL "decide.pml", "STIMULUS(", &model);
    read_marked(MODEL "lifecycle.pml", "LEFT_OUT(", &model);
    read_stimuli_of_code(&code);
    assert_int_equal(code.count, STIMULUS_CALLBACK_REFUSED + 1);
    assert_same(&model, &code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statement_moves_are_the_same),
        cmocka_unit_test(callback_moves_are_the_same),
        cmocka_unit_test(stimuli_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
