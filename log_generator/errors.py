"""Everything that ends a run with one line instead of a traceback.

GeneratorError
├── RequestError       what was asked for cannot be done
├── FolderTakenError   another generator writes to the folder
├── ForeignLogError    the folder's logs are of another source
├── RegisterError      the folder's register cannot be read
└── OrderFileError     the file to replay is no order file
"""


class GeneratorError(RuntimeError):
    pass


class RequestError(GeneratorError):
    pass


class FolderTakenError(GeneratorError):
    pass


class ForeignLogError(GeneratorError):
    pass


class RegisterError(GeneratorError):
    pass


class OrderFileError(GeneratorError):
    pass
