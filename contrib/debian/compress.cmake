# SPDX-License-Identifier: Apache-2.0
# As Debian wants them: manual pages and the list of changes compressed, folders
# readable whatever the builder's umask.
file(GLOB pages ${CPACK_TEMPORARY_DIRECTORY}/usr/share/man/man*/*.[1-8]
	${CPACK_TEMPORARY_DIRECTORY}/usr/share/doc/cmanager/changelog*)
foreach(page ${pages})
	execute_process(COMMAND gzip -9nf ${page} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND chmod -R u=rwX,go=rX ${CPACK_TEMPORARY_DIRECTORY}
	COMMAND_ERROR_IS_FATAL ANY)
