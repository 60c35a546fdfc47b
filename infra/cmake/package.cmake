# The Debian package: `cmake --workflow --preset debian` makes build-debian/ringback_*.deb on the Debian
# that it is for. What the program prints of itself is made by the program that goes into it.
file(READ /etc/os-release os_release)
string(REGEX MATCH "VERSION_ID=\"?([0-9]+)" _ "${os_release}")
set(debian ${CMAKE_MATCH_1})
set(deploy ${PROJECT_SOURCE_DIR}/infra/deploy)
set(made ${PROJECT_BINARY_DIR}/package)
file(MAKE_DIRECTORY ${made})

# ringback_page(file COMMAND...): the file, made of what the commands, joined by pipes, print.
set(pages)
function(ringback_page name)
    add_custom_command(OUTPUT ${made}/${name} COMMAND ${ARGN} > ${made}/${name} VERBATIM
                       DEPENDS ringback ${deploy}/debian/changelog)
    set(pages ${pages} ${made}/${name} PARENT_SCOPE)
endfunction()

ringback_page(ringback.1.gz ringback help --man | gzip -9n)
ringback_page(ringback.env.5.gz ringback help --man-env | gzip -9n)
ringback_page(ringback.env ringback help --env)
ringback_page(ringback ringback help --bash)
ringback_page(_ringback ringback help --zsh)
ringback_page(ringback.fish ringback help --fish)
ringback_page(changelog.Debian.gz gzip -9nc ${deploy}/debian/changelog)
add_custom_target(package_pages ALL DEPENDS ${pages})

install(TARGETS ringback DESTINATION bin)
install(FILES ${made}/ringback.1.gz DESTINATION share/man/man1)
install(FILES ${made}/ringback.env.5.gz DESTINATION share/man/man5)
install(FILES ${made}/ringback DESTINATION share/bash-completion/completions)
install(FILES ${made}/_ringback DESTINATION share/zsh/vendor-completions)
install(FILES ${made}/ringback.fish DESTINATION share/fish/vendor_completions.d)
install(FILES ${made}/changelog.Debian.gz ${deploy}/debian/copyright DESTINATION share/doc/ringback)
# It may hold a password of the tracker's.
install(FILES ${made}/ringback.env DESTINATION /etc/ringback PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(FILES ${deploy}/debian/lintian-overrides DESTINATION share/lintian/overrides RENAME ringback)
install(FILES ${deploy}/systemd/ringback@.service DESTINATION lib/systemd/system)
install(DIRECTORY ${deploy}/systemd/ringback@completer.service.d DESTINATION lib/systemd/system)
if(debian GREATER_EQUAL 13)
    install(DIRECTORY ${deploy}/systemd/ringback@.service.d DESTINATION lib/systemd/system)
endif()

set(RINGBACK_MAINTAINER "ringback <maintainer@ringback.invalid>" CACHE STRING "Who makes the package")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT ${RINGBACK_MAINTAINER})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_NAME ringback)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1~deb${debian})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "callbacks for SQL on Amazon Redshift
Starts statements on the Amazon Redshift Data API and rings the caller back
when they have ended: a Step Functions task, a CloudFormation custom resource,
a queue. Nothing polls and nothing idles.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${deploy}/debian/conffiles ${deploy}/debian/postinst ${deploy}/debian/prerm ${deploy}/debian/postrm)
include(CPack)
