# SPDX-License-Identifier: Apache-2.0
# The Debian package, by contrib/package: `cpack -G DEB`.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cmanager)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "cmanager developers <cmanager@packages.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "connection manager for XMPP servers")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
	"Takes the connections of very many XMPP clients, does TLS and XML for
 them, and passes their stanzas to Openfire or Prosody over a few links.
 It is configured as Openfire's own connection manager in Java is.")
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "openfire, prosody")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
	${CMAKE_SOURCE_DIR}/contrib/debian/conffiles
	${CMAKE_SOURCE_DIR}/contrib/debian/postinst
	${CMAKE_SOURCE_DIR}/contrib/debian/prerm
	${CMAKE_SOURCE_DIR}/contrib/debian/postrm)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/contrib/debian/compress.cmake)
install(FILES contrib/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Copied to /etc/cmanager where there is none.
install(FILES contrib/debian/manager.xml
	DESTINATION ${CMAKE_INSTALL_DATADIR}/cmanager)
install(FILES CHANGES.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
	RENAME changelog)
install(FILES contrib/debian/changelog DESTINATION ${CMAKE_INSTALL_DOCDIR}
	RENAME changelog.Debian)
include(CPack)
