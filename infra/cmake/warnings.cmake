# Warnings, sanitizers and hardening, for every target of the project.
add_compile_definitions(_GNU_SOURCE)
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wundef -Wvla
    -Walloca -Wcast-qual -Wwrite-strings -Wpointer-arith -Wstrict-prototypes
    -Wold-style-definition -Wmissing-prototypes -Wredundant-decls -Wnull-dereference
    -Wdouble-promotion -Wimplicit-fallthrough -Wswitch)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init)
else()
    add_compile_options(-Wthread-safety -Wcomma -Wconditional-uninitialized)
endif()
if(RINGBACK_WERROR)
    add_compile_options(-Werror)
endif()
if(RINGBACK_SANITIZE)
    add_compile_options(-fsanitize=${RINGBACK_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${RINGBACK_SANITIZE})
endif()
if(RINGBACK_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(RINGBACK_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
if(RINGBACK_HARDENED)
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
                        -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        add_compile_options(-fcf-protection)
    endif()
    add_link_options(-pie -Wl,-z,relro,-z,now)
endif()
